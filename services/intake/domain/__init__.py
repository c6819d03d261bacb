"""Is it an event, is it sound, what does it change? Pure: no clock, no database, no Kafka."""
