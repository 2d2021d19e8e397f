"""What was found in a video as one HTML page that needs nothing else: pictures, style and figures are in it."""
