# Not a module of the bag: made for tests, by the rule for fixtures.
theseus_fixture_sources += %D%/spiller.c
theseus_fixtures += fixtures/spiller.tmod
