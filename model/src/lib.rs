//! What Plimsoll decides about: quantities, workloads, offers, estates and plans. No I/O, no clock
