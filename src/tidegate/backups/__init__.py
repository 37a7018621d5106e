"""What takes backups, reads them back, restores them for a test, and copies them elsewhere.

contract.py   what every kind promises
registry.py   the kinds by the name that a policy calls them
keeping.py    the files: written durably, or not at all
postgres.py, mysql.py, files.py, command.py   the kinds
offsite.py    copies elsewhere, by rclone
"""
