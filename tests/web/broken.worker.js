throw Error('broken on purpose');
