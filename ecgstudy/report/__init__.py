"""What people see: figures, tables, pages."""
