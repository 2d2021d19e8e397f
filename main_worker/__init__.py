"""Stage 2: a snapshot becomes type, make, model, colour and plate."""
