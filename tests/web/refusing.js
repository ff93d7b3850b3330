// What some browsers do in some places: they refuse every lock.

if (navigator.locks) LockManager.prototype.request = async () => { throw new DOMException('The request was denied.', 'SecurityError'); };
