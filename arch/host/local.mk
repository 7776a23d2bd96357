# The same contract on POSIX, for unit tests, fuzzers, and users' tests of their modules.
theseus_host_sources +=
