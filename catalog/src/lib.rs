//! Prices, regions, network, carbon and power tables, embedded and the user's own
