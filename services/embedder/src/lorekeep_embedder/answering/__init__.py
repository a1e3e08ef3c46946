"""What a call asks for, and how it is answered."""
