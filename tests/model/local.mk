# Spin models: exhaustive, and seeded mistakes that must be found.
check_model_tests +=
