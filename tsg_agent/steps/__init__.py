"""What a guide's steps say of themselves: their rule, what they are about, what to do. Knows no telemetry."""
