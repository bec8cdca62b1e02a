"""Letters on paper: the PDF for a #10 window envelope and the print shops that print and mail it."""
