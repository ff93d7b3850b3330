// For a coordinator file of your own, which has `import 'windrow/coordinator'` in it and nothing else.
export {};
