check_unit_tests += %D%/row_test %D%/txn_test
