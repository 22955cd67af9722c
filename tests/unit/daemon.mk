# Unit tests of this layer.
