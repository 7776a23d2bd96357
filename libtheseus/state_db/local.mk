# The metamodule: tables, rows, transactions, pools. Hosted it is part of the program. For
# x86_64 it is a module like any other, and what is in libtheseus.a is made of that module.
theseus_state_db_sources += %D%/state_db_impl.h %D%/pool.c %D%/txn.c %D%/commit.c %D%/txn_quick.h %D%/table.c %D%/index.c %D%/index_quick.h \
	%D%/row.c %D%/convert.c %D%/share.c %D%/share_impl.h %D%/quota.c %D%/replace.c %D%/save.c %D%/save_impl.h %D%/restore.c %D%/ops.c \
	%D%/names.h %D%/entries.def
