# One program per noun, tests/unit/<room>/<noun>_test.c: `check_unit_tests +=
