# The metamodule: tables, rows, transactions, pools.
theseus_core_sources += %D%/state_db_impl.h %D%/pool.c %D%/txn.c %D%/txn_quick.h %D%/table.c %D%/index.c %D%/index_quick.h \
	%D%/row.c %D%/convert.c %D%/share.c %D%/share_impl.h %D%/quota.c %D%/replace.c %D%/save.c %D%/save_impl.h %D%/restore.c %D%/ops.c \
	%D%/names.h %D%/entries.def
