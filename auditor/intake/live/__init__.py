"""What a cluster has of ours, as it is now: policies that are compiled when they change, exceptions, conversions."""
