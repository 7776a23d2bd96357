check_unit_tests += %D%/absence_test %D%/index_test %D%/nest_test %D%/row_test %D%/share_test %D%/txn_test
