const unfinished = (;
