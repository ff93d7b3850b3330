// For your own coordinator file, which contains `import 'windrow/coordinator'` and nothing else.
export {};
