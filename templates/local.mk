# What theseus-new starts a module, driver, interface, program or OS from.
EXTRA_DIST +=
