import { overload } from './overload.ts';

overload({ senders: 100, messagesPerSender: 12 });
