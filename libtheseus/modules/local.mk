# The bag of modules: one line each, `theseus_module_sources += %D%/<token>/<token>.c`
# (or an include of the folder's own local.mk); private headers go to EXTRA_DIST.
theseus_module_sources +=

dist_pkgdata_DATA += %D%/module.lds
