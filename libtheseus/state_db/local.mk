# The metamodule: tables, rows, transactions, pools.
theseus_core_sources +=
