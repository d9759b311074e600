"""The story of the word "corona", replayed day by day through the real loop on real servers."""
