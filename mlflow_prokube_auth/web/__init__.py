"""Pages, their JSON twins and the menu script: one small file per page or action."""
