"""Which descriptions of requests fail? Made cases whose causes are conjunctions, and a score of exact descriptions."""
