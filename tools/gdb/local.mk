# gdb's commands for an OS on libtheseus; pkg-config's variable gdbscript names it.
dist_pkgdata_DATA += %D%/theseus-gdb.py
