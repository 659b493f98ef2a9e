"""Evaluates localization: cases whose causes are conjunctions of dimension values, scored by exact match."""
