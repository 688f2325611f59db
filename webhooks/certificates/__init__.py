"""Certificates of the door: kept right, served without a restart, and told to those who have to trust them.

Three sources behind one interface (`Keeper`): our own authority in a Secret (`own`), files that somebody else writes
(`files`), and whichever the settings choose (`source`). `registered` sees whether the cluster trusts what comes next;
`tls` is what a server asks for each connection. Imports `cluster`, `certs` and errors.
"""
