# What theseus-new begins a module, driver, interface, program or OS from: tools/new/kind.h.
nobase_dist_pkgdata_DATA =
nobase_dist_pkgdata_DATA += $(addprefix %D%/common/,tap.h.in machine.h.in)
nobase_dist_pkgdata_DATA += $(addprefix %D%/module/,about interface.h.in module.c.in test.c.in \
	image.c.in manifest.in man.in README.md.in make.in configure.ac.in Makefile.am.in)
nobase_dist_pkgdata_DATA += $(addprefix %D%/interface/,about interface.h.in man.in README.md.in)
nobase_dist_pkgdata_DATA += $(addprefix %D%/program/,about program.c.in program.h.in test.c.in \
	image.c.in manifest.in man.in README.md.in make.in)
nobase_dist_pkgdata_DATA += $(addprefix %D%/os/,about os.c.in os.h.in console.c.in command.c.in test.c.in \
	image.c.in manifest.in man.in README.md.in make.in)
nobase_dist_pkgdata_DATA += $(addprefix %D%/driver/,about driver.c.in interface.h.in test.c.in model.h.in \
	image.c.in manifest.in man.in README.md.in)
