"""What AWS would ask for what functions have used here: prices, and bills made with them. Imports nothing of the rest."""
