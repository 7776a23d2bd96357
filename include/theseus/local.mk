# Public headers, one noun each; iface/ has one header per interface.
theseusinclude_HEADERS += %D%/attr.h %D%/err.h
theseusiface_HEADERS +=
