//! The independent checker: recomputes every figure and every constraint of a plan
