project = "pages"
extensions = ["sphinx.ext.autodoc"]
html_theme = "basic"
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
