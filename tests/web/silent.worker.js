// A worker file that forgets to call serve().

self.onmessage = () => {};
