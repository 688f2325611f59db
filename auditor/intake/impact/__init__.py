"""What a change would do before it is made: of policies to objects and decisions, of a CRD to what is stored."""
