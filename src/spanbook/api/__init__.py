"""The public objects: the only place that joins the concepts with frames and widgets."""
