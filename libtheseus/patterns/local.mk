# indirection, mux, dispatcher, dfqueue: spill-free; modules may link them.
theseus_pattern_sources += \
	%D%/dfqueue.c \
	%D%/dispatcher.c \
	%D%/indirection.c \
	%D%/mux.c
