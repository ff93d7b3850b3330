import { defineConfig } from 'vite';

// The digits lie outside of this folder, in `www/data` of the repository.
export default defineConfig({ server: { fs: { allow: ['../..'] } } });
