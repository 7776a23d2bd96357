check_unit_tests += %D%/txn_test
