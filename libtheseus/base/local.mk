# list, ring, bits, fmt, string, hash: no state, no policy; modules may link them.
theseus_base_sources +=
