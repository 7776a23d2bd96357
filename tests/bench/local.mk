# Scripts that boot the measuring kernel under -icount.
theseus_bench +=
