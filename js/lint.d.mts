export function blank(source: string): string;
export function problems(path: string, source: string): string[];
