"""What a captured run would have cost at other settings: boiled down, and replayed."""
