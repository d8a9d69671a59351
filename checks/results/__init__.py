"""What a run leaves and what runs before it left: placed whole, kept, compared, signed."""
