"""The steps. `mNNNN_name.py` is the step `NNNN_name`, and follows the one with the number before."""
