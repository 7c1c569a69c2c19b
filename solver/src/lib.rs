//! Problem and Params in, Outcome out: filters, prices, mixed-integer program, search
