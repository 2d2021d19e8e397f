"""Compiled networks behind one protocol, on CUDA, OpenVINO or PyTorch."""
