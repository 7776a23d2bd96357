check_unit_tests += %D%/index_test %D%/row_test %D%/share_test %D%/txn_test
